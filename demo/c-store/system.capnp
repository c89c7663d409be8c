@0xb10df9234b0245e0;
# The file server, and a program that holds its root directory.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "fs", data = embed "/fs.elf"),
    (name = "c-store", data = embed "/c-store.elf"),
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
        name = "c-store",
        binary = "c-store",
        essential = true,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "timer", source = (kernel = timer)),
          (name = "memory", source = (kernel = virtualMemory)),
          (name = "root", source = (service = (service = "fs", export = "fs")), expects = "Directory"),
          (name = "viewer", source = (service = (service = "fs", export = "fs", tag = 1)), expects = "Directory"),
          (name = "admin", source = (service = (service = "fs", export = "admin")), expects = "FileSystem"),
        ],
      ),
    ],
  ),
);
