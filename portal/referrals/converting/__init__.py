"""Converting a referral: who may, what looks odd, what both sides get, and taking it back."""
