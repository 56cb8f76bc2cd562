-- Casts that change nothing but a type's name, and whether they happen unasked.
SELECT k.castsource, k.casttarget, k.castcontext = 'i' FROM pg_cast k WHERE k.castmethod = 'b'
