"""What leaves the checkout: the course as a static site. It stands on everything else, and nothing imports it."""
