"""Who has used how much: exact limits over several windows at once, in this process or shared by several."""
