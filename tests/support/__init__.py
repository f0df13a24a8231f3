"""Helpers that several test packages share: fakes, small real models, local servers, sample rows."""
