@0xd2a8c35e91f4b607;
# A spawner narrowed to one binary. The program stands in init's place, since it is given the whole ProcessSpawner in
# order to make the launcher; as a child ("user") it holds only the launcher.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "c-launcher", data = embed "/c-launcher.elf"),
    (name = "c-hello", data = embed "/c-hello.elf"),
  ],
  initConfig = (
    init = (
      binary = "c-launcher",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "timer", source = (kernel = timer)),
        (name = "memory", source = (kernel = virtualMemory)),
        (name = "spawner", source = (kernel = processSpawner)),
      ],
    ),
  ),
);
