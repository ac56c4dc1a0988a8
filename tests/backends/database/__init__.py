"""Keys, types, errors, settings, models, transactions: what everything else stands on."""
