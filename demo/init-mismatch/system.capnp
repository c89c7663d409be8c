@0xc15d8e94a70f263b;
# A service that relies on another interface than the one it is given.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-hello", data = embed "/c-hello.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "ipc", source = (kernel = ipcFactory)),
      ],
    ),
    services = [
      (name = "fine", binary = "c-hello", caps = [(name = "console", source = (kernel = console))]),
      (name = "bob", binary = "c-hello", exports = [(name = "clock", serves = "Timer")]),
      (
        name = "alice",
        binary = "c-hello",
        caps = [
          (name = "console", source = (kernel = console), expects = "Console"),
          (name = "bob", source = (service = (service = "bob")), expects = "WallClock"),
        ],
      ),
    ],
  ),
);
