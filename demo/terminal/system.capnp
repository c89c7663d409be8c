@0xb3c1d2e4f5a60718;
# A person at the terminal server, and a program that talks to them until the end of the file.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "terminal", data = embed "/terminal.elf"),
    (name = "terminal-demo", data = embed "/terminal-demo.elf"),
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
        name = "demo", binary = "terminal-demo", essential = true,
        caps = [
          (name = "session", source = (service = (service = "terminal", export = "terminal"))),
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
