"""Values of the image service beside the image itself."""
