"""The loyalty and referral portal."""
