"""Result files of other evaluation tools -> runs. One reader per tool; `recognise` knows them all."""
