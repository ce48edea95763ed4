//! From a hit of a rule to an alert.
