@0xe3a91b5c70d2f486;
# Two services that share two pipes and a notification made by init; one of them ends, is started again and goes on
# with the same ones. Its SchedulingPolicy goes up to its maxWeight.

using Manifest = import "/schema/manifest.capnp";

const manifest :Manifest.SystemManifest = (
  schemaVersion = Manifest.currentSchemaVersion,
  binaries = [
    (name = "init", data = embed "/init.elf"),
    (name = "c-wiring", data = embed "/c-wiring.elf"),
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
        (name = "policy", source = (kernel = schedulingPolicy)),
      ],
    ),
    services = [
      (
        name = "reader",
        binary = "c-wiring",
        args = ["c-wiring", "reader"],
        main = true,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "lane", source = (pipeReader = "lane"), expects = "PipeReader"),
          (name = "orders", source = (pipeWriter = "orders"), expects = "PipeWriter"),
          (name = "bell", source = (notification = "bell"), expects = "Notification"),
        ],
      ),
      (
        name = "writer",
        binary = "c-wiring",
        args = ["c-wiring", "writer"],
        maxWeight = 300,
        caps = [
          (name = "console", source = (kernel = console)),
          (name = "lane", source = (pipeWriter = "lane"), expects = "PipeWriter"),
          (name = "orders", source = (pipeReader = "orders"), expects = "PipeReader"),
          (name = "bell", source = (signaler = "bell"), expects = "Signaler"),
          (name = "policy", source = (kernel = schedulingPolicy), expects = "SchedulingPolicy"),
        ],
        restart = (mode = onFailure, limit = 1, backoffMs = 1),
      ),
    ],
    pipes = [(name = "lane", capacityBytes = 8192), (name = "orders")],
    notifications = ["bell"],
  ),
);
