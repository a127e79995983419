"""What `flow_ops.logs` stands on."""
