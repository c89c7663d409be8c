@0xb1f2c3a4d5e6070b;
# A manifest with a mistake in its second service: init finds it before it starts the first.

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
      ],
    ),
    services = [
      (binary = "c-hello", caps = [(name = "console", source = (kernel = console))]),
      (
        name = "second",
        binary = "c-hello",
        caps = [
          (name = "console", source = (inherit = "console")),
          (name = "random", source = (kernel = entropy)),
        ],
      ),
    ],
  ),
);
