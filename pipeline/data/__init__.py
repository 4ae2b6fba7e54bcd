"""Intent data: six intents, grammars that speak them, records on disk and the checks that keep splits apart."""
