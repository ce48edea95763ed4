//! Attacks on tokens, each refused at the check that is meant for it.
