//! Which alerts belong together: incidents as connected components.
