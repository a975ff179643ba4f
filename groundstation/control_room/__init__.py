"""One queue, all receptions and the acknowledged alarms of several stations, in one database."""
