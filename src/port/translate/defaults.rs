//! What a column gives where an INSERT leaves it out.
