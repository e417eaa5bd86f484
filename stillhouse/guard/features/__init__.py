"""What can be seen of a request, one small pure file for each: numbers and hashes out, no verdict."""
