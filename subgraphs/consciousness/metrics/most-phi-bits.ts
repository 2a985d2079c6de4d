/** Integrated information of 64 nodes beyond this, in bits, would take more memory of the past than doubles tell. */
export const MOST_PHI_BITS = 64;
