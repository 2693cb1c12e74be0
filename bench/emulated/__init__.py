"""What bench/guest is made of: a Debian system in each form that a guest can have it in, the places in
which a guest works on it, QEMU around them, and the aims that its numbers are held against."""
