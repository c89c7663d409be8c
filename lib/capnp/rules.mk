# The wire codec (freestanding): its tests and its fuzz target. schema/rules.mk names its sources (CAPNP_SRC).
