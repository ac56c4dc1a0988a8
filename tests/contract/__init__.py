"""The contract of ``agent_master_storage.testing``, run on each adapter."""
