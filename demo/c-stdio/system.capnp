@0xd7a41c93e85b20f6;
# A terminal server, and a program that uses StdIOs of it, also through a child.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "terminal", data = embed "/terminal.elf"),
    (name = "c-stdio", data = embed "/c-stdio.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "timer", source = (kernel = timer)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "input", source = (kernel = consoleInput)),
      ],
    ),
    services = [
      (
        name = "terminal", binary = "terminal",
        exports = [
          (name = "terminal", serves = "TerminalSession", maxQueued = 32),
          (name = "stdio", serves = "StdIO", maxQueued = 32),
        ],
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "input", source = (kernel = consoleInput)),
          (name = "timer", source = (kernel = timer)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "threads", source = (kernel = threadSpawner)),
          (name = "thread", source = (kernel = threadControl)),
          (name = "park", source = (kernel = parkSpace)),
        ],
      ),
      (
        name = "c-stdio", binary = "c-stdio", essential = true,
        caps = [
          (name = "session", source = (service = (service = "terminal", export = "terminal"))),
          (name = "console", source = (kernel = console)),
          (name = "spawner", source = (kernel = processSpawner)),
          (name = "io", source = (service = (service = "terminal", export = "stdio")), expects = "StdIO"),
          (name = "timer", source = (kernel = timer)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "threads", source = (kernel = threadSpawner)),
          (name = "thread", source = (kernel = threadControl)),
          (name = "park", source = (kernel = parkSpace)),
        ],
      ),
    ],
  ),
);
