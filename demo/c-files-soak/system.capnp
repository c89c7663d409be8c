@0xc2d41f7a90b3e5c8;
# The file server, and a program that starts many clients of it.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "fs", data = embed "/fs.elf"),
    (name = "c-files-soak", data = embed "/c-files-soak.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "clock", source = (kernel = timer)),
        (name = "ipc", source = (kernel = ipcFactory)),
        (name = "time", source = (kernel = wallClock)),
      ],
    ),
    services = [
      (
        name = "fs",
        binary = "fs",
        args = ["fs", "4194304", "2"],
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
        name = "c-files-soak",
        binary = "c-files-soak",
        essential = true,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "timer", source = (kernel = timer)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "root", source = (service = (service = "fs", export = "fs")), expects = "Directory"),
          (name = "spawner", source = (kernel = processSpawner)),
          (name = "admin", source = (service = (service = "fs", export = "admin")), expects = "FileSystem"),
        ],
      ),
    ],
  ),
);
