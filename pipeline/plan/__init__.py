"""What a device will make of a model, said before anything is measured: a roofline with efficiencies fitted on published figures.

device         a chip's published bandwidth and rates, one YAML a device in ``profiles/devices``
roofline       the bytes and operations of a pass, and the least time for them
efficiency     what share of that the engines of a kind reach, fitted; how far they were off on what they had not seen
published      the measured figures of others and our own that this rests on, with their sources
prediction     a model on an engine of a device: latency, tokens/s, first token, memory, size, load; each with a range
claims         what to expect of each documented target
"""
