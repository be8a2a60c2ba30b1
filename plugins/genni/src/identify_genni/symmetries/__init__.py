"""The known symmetries of a network: group elements, their tangents, canonical forms, alignment and loss barriers."""
