@0xd7c20b94f1e6a835;
# A service that is killed five times while it is in use, one that crashes whenever it runs, and a client of both.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-supervise", data = embed "/c-supervise.elf"),
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
      ],
    ),
    services = [
      (
        name = "client",
        binary = "c-supervise",
        args = ["c-supervise", "client"],
        essential = true,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "timer", source = (kernel = timer)),
          (name = "store", source = (service = (service = "store", export = "clock", tag = 7)), expects = "Timer"),
          (name = "broken", source = (service = (service = "broken")), expects = "Timer"),
          (name = "supervisor", source = (supervisor = control), expects = "Supervisor"),
          (name = "observer", source = (supervisor = observe), expects = "Supervisor"),
        ],
      ),
      (
        name = "store",
        binary = "c-supervise",
        args = ["c-supervise", "store"],
        caps = [(name = "console", source = (kernel = console))],
        exports = [(name = "clock", serves = "Timer", maxQueued = 4)],
        restart = (mode = onFailure, limit = 10, backoffMs = 10, windowMs = 60000),
      ),
      (
        name = "broken",
        binary = "c-supervise",
        args = ["c-supervise", "broken"],
        caps = [(name = "console", source = (kernel = console))],
        exports = [(name = "never", serves = "Timer")],
        restart = (mode = always, limit = 3, backoffMs = 1, windowMs = 60000),
      ),
    ],
  ),
);
