-- {{name}}: what takes the schema back to where it was before.
--
-- As long as no statement follows, taking this migration back changes nothing, and the check for release lists it as
-- an empty down. If it can't be taken back at all, say so in the up script, with the directive for that.

