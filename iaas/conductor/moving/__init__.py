"""The flows of servers that change hosts or flavors, one file a flow."""
