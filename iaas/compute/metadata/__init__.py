"""What a guest may read of itself, in the formats of OpenStack and EC2: one source for the metadata API and the config
drive. Pure: of model/order.py, on either side of the bus."""
