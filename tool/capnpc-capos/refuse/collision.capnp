# refuse: would both be called cap_timer_now_results in C; rename one
@0xa1b2c3d4e5f6070e;
interface Timer { now @0 () -> (ns :UInt64); }
struct TimerNowResults { x @0 :UInt8; }
