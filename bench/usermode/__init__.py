"""What bench/uml is made of: a User Mode Linux kernel, the servers that it talks to, and the guest."""
