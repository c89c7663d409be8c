@0xb1f2c3a4d5e60706;
# A program that keeps many calls in flight.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-async", data = embed "/c-async.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "timer", source = (kernel = timer)),
      ],
    ),
    services = [
      (
        binary = "c-async",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "timer", source = (kernel = timer)),
        ],
      ),
    ],
  ),
);
