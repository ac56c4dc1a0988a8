"""Tests of destinations, sync and auto-sync."""
