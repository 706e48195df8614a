"""The printing room: what a slip says, how it becomes bytes, how bytes leave, and printers that can be watched."""
