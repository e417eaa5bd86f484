"""The revisions, oldest first. One that was released is never changed; a change of tables is a new one."""
