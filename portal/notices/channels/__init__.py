"""The ways out of the house: e-mail and web push."""
