package org.ondol.bench;

import com.google.gson.annotations.SerializedName;

/**
 * One line of the result: a contender in a case.
 *
 * @param gflops needed operations by the best time
 * @param peak what bounds the case, "fma" or "read"; null where neither is counted
 * @param peakShare the best time's part of the best of that peak seen in the run
 * @param ratio median over rounds of the best peer's time by this contender's; null for peers
 * @param ratioBest the least time of any peer by this contender's least time
 */
public record Row(
    String stem,
    @SerializedName("case") String caseName,
    String contender,
    String variant,
    boolean peer,
    @SerializedName("ms_median") Double msMedian,
    @SerializedName("ms_best") Double msBest,
    Double gflops,
    String peak,
    @SerializedName("peak_share") Double peakShare,
    Double ratio,
    @SerializedName("ratio_best") Double ratioBest,
    boolean checked) {}
