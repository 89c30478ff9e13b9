"""What ``dragoman demo`` shows: one conversation through every provider in every way of calling, and every fault with its error."""
