-- Words that a name can't be written as without quotes.
SELECT k.word FROM pg_get_keywords() k WHERE k.catcode <> 'U'
