/// Which of the two data sets of a kernel: its rows or its columns.
public enum DataSet: Sendable, Hashable { case first, second }
