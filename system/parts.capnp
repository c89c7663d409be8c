@0xd51c0f9a3b6e7284;
# What the default system and the shell's demos are made of.

using Manifest = import "/schema/manifest.capnp";
using Process = import "/schema/process.capnp";

const binaries :List(Manifest.Binary) = [
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
  (name = "sleep", data = embed "/sleep.elf"),
  (name = "ps", data = embed "/ps.elf"),
  (name = "free", data = embed "/free.elf"),
  (name = "uptime", data = embed "/uptime.elf"),
];

const init :Manifest.Program = (
  binary = "init",
  budget = (frames = 20000, capSlots = 65536, threads = 1024, calls = 65536, kernelBytes = 10000000),
  caps = [
    (name = "console", source = (kernel = console)),
    (name = "boot", source = (kernel = bootPackage)),
    (name = "spawner", source = (kernel = processSpawner)),
    (name = "timer", source = (kernel = timer)),
    (name = "ipc", source = (kernel = ipcFactory)),
    (name = "clock", source = (kernel = wallClock)),
    (name = "tracer", source = (kernel = tracer)),
    (name = "system", source = (kernel = systemInfo)),
    (name = "input", source = (kernel = consoleInput)),
  ],
);

# Files, 16 MiB of them.
const fs :Manifest.Program = (
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
);

const registry :Manifest.Program = (
  name = "registry",
  binary = "registry",
  exports = [(name = "registry", serves = "SchemaRegistry")],
  caps = [(name = "console", source = (kernel = console))],
);

const terminal :Manifest.Program = (
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
);

# What a session is given besides what it is to tell the shell: it holds the spawner, and the shell a launcher.
const sessionBudget :Process.Budget = (frames = 7000, capSlots = 2048, threads = 64, calls = 1024, kernelBytes = 4000000);

const sessionCaps :List(Manifest.CapGrant) = [
  (name = "console", source = (kernel = console)),
  (name = "spawner", source = (kernel = processSpawner)),
  (name = "root", source = (service = (service = "fs", export = "fs")), expects = "Directory"),
  (name = "timer", source = (kernel = timer)),
  (name = "clock", source = (kernel = wallClock)),
  (name = "tracer", source = (kernel = tracer)),
  (name = "system", source = (kernel = systemInfo)),
  (name = "ipc", source = (kernel = ipcFactory)),
  (name = "registry", source = (service = (service = "registry")), expects = "SchemaRegistry"),
];

const terminalSessionCaps :List(Manifest.CapGrant) = [
  (name = "terminal", source = (service = (service = "terminal", export = "terminal")), expects = "TerminalSession"),
  (name = "console", source = (kernel = console)),
  (name = "spawner", source = (kernel = processSpawner)),
  (name = "root", source = (service = (service = "fs", export = "fs")), expects = "Directory"),
  (name = "timer", source = (kernel = timer)),
  (name = "clock", source = (kernel = wallClock)),
  (name = "tracer", source = (kernel = tracer)),
  (name = "system", source = (kernel = systemInfo)),
  (name = "ipc", source = (kernel = ipcFactory)),
  (name = "registry", source = (service = (service = "registry")), expects = "SchemaRegistry"),
];
