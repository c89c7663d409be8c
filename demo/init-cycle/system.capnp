@0xf4a8d2716b9c03e5;
# Three services that each need another to be started first, and one that does not.

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
      (
        name = "alice",
        binary = "c-hello",
        caps = [(name = "bob", source = (service = (service = "bob")))],
      ),
      (name = "bob", binary = "c-hello", exports = [(name = "clock", serves = "Timer")], after = ["carol"]),
      (name = "carol", binary = "c-hello", after = ["bob"]),
    ],
  ),
);
