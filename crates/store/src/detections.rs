//! Taking hits in: deduplicated, correlated, kept.
