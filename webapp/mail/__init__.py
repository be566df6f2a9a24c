"""The mail room: letters to members of a project, written in the transaction of what they tell,
and sent when the mail server takes them."""
