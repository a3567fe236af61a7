"""What hosts there are and how they are grouped, how much of them projects may use, and how much they use."""
