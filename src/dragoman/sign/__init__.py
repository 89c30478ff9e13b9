"""Keys onto calls: pure functions ``(call, secret, …) -> call``. Time comes in as an argument; nothing here reads a clock or a file."""
