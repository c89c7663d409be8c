@0x9d0c35e17ab4f268;
# The default system: a file server, the schema registry, the terminal, and a shell that may start the small programs.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "fs", data = embed "/fs.elf"),
    (name = "registry", data = embed "/registry.elf"),
    (name = "terminal", data = embed "/terminal.elf"),
    (name = "session", data = embed "/session.elf"),
    (name = "shell", data = embed "/shell.elf"),
    (name = "ls", data = embed "/ls.elf"),
    (name = "cat", data = embed "/cat.elf"),
    (name = "echo", data = embed "/echo.elf"),
    (name = "cp", data = embed "/cp.elf"),
    (name = "mv", data = embed "/mv.elf"),
    (name = "rm", data = embed "/rm.elf"),
    (name = "mkdir", data = embed "/mkdir.elf"),
    (name = "stat", data = embed "/stat.elf"),
    (name = "hexdump", data = embed "/hexdump.elf"),
    (name = "sha256sum", data = embed "/sha256sum.elf"),
    (name = "date", data = embed "/date.elf"),
    (name = "ps", data = embed "/ps.elf"),
    (name = "free", data = embed "/free.elf"),
    (name = "uptime", data = embed "/uptime.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      budget = (frames = 20000, capSlots = 65536, threads = 1024, calls = 65536, kernelBytes = 10000000),
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "timer", source = (kernel = timer)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "clock", source = (kernel = wallClock)),
        (name = "system", source = (kernel = systemInfo)),
        (name = "input", source = (kernel = consoleInput)),
      ],
    ),
    services = [
      (
        name = "fs",
        binary = "fs",
        args = ["fs", "16777216", "2"],
        exports = [(name = "fs", serves = "Directory"), (name = "admin", serves = "FileSystem")],
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "threads", source = (kernel = threadSpawner)),
          (name = "thread", source = (kernel = threadControl)),
          (name = "park", source = (kernel = parkSpace)),
          (name = "timer", source = (kernel = timer)),
          (name = "clock", source = (kernel = wallClock)),
        ],
      ),
      (
        name = "registry",
        binary = "registry",
        exports = [(name = "registry", serves = "SchemaRegistry")],
        caps = [(name = "console", source = (kernel = console))],
      ),
      (
        name = "terminal",
        binary = "terminal",
        exports = [(name = "terminal", serves = "TerminalSession"), (name = "stdio", serves = "StdIO")],
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
        name = "session",
        binary = "session",
        essential = true,
        budget = (frames = 7000, capSlots = 2048, threads = 64, calls = 1024, kernelBytes = 4000000),
        args = [
          "session", "shell",
          "ls", "cat", "echo", "cp", "mv", "rm", "mkdir", "stat", "hexdump", "sha256sum", "date", "ps", "free", "uptime",
        ],
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "spawner", source = (kernel = processSpawner)),
          (name = "terminal", source = (service = (service = "terminal", export = "terminal")), expects = "TerminalSession"),
          (name = "root", source = (service = (service = "fs", export = "fs")), expects = "Directory"),
          (name = "timer", source = (kernel = timer)),
          (name = "clock", source = (kernel = wallClock)),
          (name = "system", source = (kernel = systemInfo)),
          (name = "ipc", source = (kernel = ipcFactory)),
          (name = "registry", source = (service = (service = "registry")), expects = "SchemaRegistry"),
        ],
      ),
    ],
  ),
);
