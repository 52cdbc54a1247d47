"""From a folder of source to a checkout that trains: environment, text, tokenizer."""
