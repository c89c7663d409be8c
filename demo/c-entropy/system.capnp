@0xb1f2c3a4d5e60704;
# A program that may have random bytes.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-entropy", data = embed "/c-entropy.elf"),
  ],
  initConfig = (
    init = (
      binary = "init",
      caps = [
        (name = "console", source = (kernel = console)),
        (name = "boot", source = (kernel = bootPackage)),
        (name = "spawner", source = (kernel = processSpawner)),
        (name = "entropy", source = (kernel = entropy)),
      ],
    ),
    services = [
      (
        binary = "c-entropy",
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "entropy", source = (kernel = entropy)),
        ],
      ),
    ],
  ),
);
