"""The desk: what a person can ask of a store and do with it, the same beside a running engine and without one."""
