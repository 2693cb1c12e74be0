// Times one step in one place, in step with the benchmark outside, which reads the server's clock
// when a step is ready and when it is done.  Lines, of words with tabs between them:
//
//     @ready STEP PLACE                                     waits for a line on standard input
//     @done STEP PLACE OPERATIONS NANOSECONDS INTERRUPTS    waits again
//     @sum STEP PLACE OPERATIONS SUM                        the same for every place
//     @skip STEP PLACE                                      instead, where caches cannot be made
//     cold
#pragma once

#include "bench/workload/job.h"
#include "bench/workload/plan.h"

namespace nineroot::workload {

/// Processes of a step have the directories p0, p1 ... of the place, or what else the letter of the
/// step is, which are made when missing.
void measure(const Job& job, const Step& step, const Place& place);

}  // namespace nineroot::workload
